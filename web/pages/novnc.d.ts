// What the desktop's page uses of noVNC (its docs/API.md); the package has no types.
declare module "@novnc/novnc" {
  interface Events {
    connect: CustomEvent<object>;
    disconnect: CustomEvent<{ clean: boolean }>;
    clipboard: CustomEvent<{ text: string }>;
  }

  export default class RFB {
    constructor(target: HTMLElement, url: string, options?: { shared?: boolean });
    resizeSession: boolean;
    scaleViewport: boolean;
    background: string;
    addEventListener<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): void;
    clipboardPasteFrom(text: string): void;
    focus(): void;
  }
}
