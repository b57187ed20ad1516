// Line icons of one weight, drawn for this portal. They decorate; the words stand beside them.

import type { ReactNode, SVGProps } from "react";

const SHAPES = {
  plus: <path d="M12 5v14M5 12h14" />,
  more: <path d="M5 12h.01M12 12h.01M19 12h.01" strokeWidth={2.6} />,
  dashboard: <path d="M4 4h7v9H4zM4 17h7v3H4zM15 4h5v3h-5zM15 11h5v9h-5z" />,
  jobs: <path d="M4 6h10M4 12h16M4 18h7M18 4v4M16 6h4" />,
  files: <path d="M3.5 7.5v10a1.5 1.5 0 0 0 1.5 1.5h14a1.5 1.5 0 0 0 1.5-1.5v-8A1.5 1.5 0 0 0 19 8h-7L9.5 5H5a1.5 1.5 0 0 0-1.5 1.5z" />,
  user: <path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c.8-3.6 3.8-5.5 7.5-5.5s6.7 1.9 7.5 5.5" />,
  operate: <path d="M12 3.500l7 2.500v5.500c0 4.300-2.900 7.400-7 9-4.100-1.600-7-4.700-7-9V6zM9 12l2.200 2.200L15.200 10" />,
  notebook: <path d="M6 3.5h12.5v17H6zM6 8H3.5M6 12H3.5M6 16H3.5M10 8h5M10 12h5" />,
  terminal: <path d="M3.5 5h17v14h-17zM7.5 9.5l3 2.5-3 2.5M13 15h4" />,
  desktop: <path d="M3.5 4.5h17v11.5h-17zM9 20h6M12 16v4" />,
  code: <path d="M8.5 7L3.5 12l5 5M15.5 7l5 5-5 5M13.5 5l-3 14" />,
  chart: <path d="M4 4v16h16M8 16l3.5-5 3 2.5L19 7" />,
  box: <path d="M12 3.5l7.5 4v9l-7.5 4-7.5-4v-9zM4.5 7.5L12 11.5l7.5-4M12 11.5v9" />,
  external: <path d="M14 4.5h5.5V10M19 5l-8 8M17 14v5H5V7h5" />,
  play: <path d="M8 5.5v13l10-6.5z" />,
  stop: <path d="M7 7h10v10H7z" />,
  pause: <path d="M8.5 6v12M15.5 6v12" strokeWidth={2.6} />,
  cross: <path d="M6 6l12 12M18 6L6 18" />,
  folder: <path d="M3.5 7.5v10a1.5 1.5 0 0 0 1.5 1.5h14a1.5 1.5 0 0 0 1.5-1.5v-8A1.5 1.5 0 0 0 19 8h-7L9.5 5H5a1.5 1.5 0 0 0-1.5 1.5z" />,
  file: <path d="M6 3.5h8l4.5 4.5v12.5H6zM13.5 3.5V8.5h5" />,
  link: <path d="M10 14l4-4M9 10.5l-2.5 2.5a3.2 3.2 0 0 0 4.5 4.5l2.5-2.5M15 13.500l2.500-2.500a3.200 3.200 0 0 0-4.500-4.500L10.500 9" />,
  move: <path d="M4.500 5h6M4.500 19h6M4.500 5v14M10 12h10M16.500 8.500L20 12l-3.500 3.500" />,
  eye: <path d="M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z" />,
  folderPlus: <path d="M3.500 7.500v10A1.500 1.500 0 0 0 5 19h14a1.500 1.500 0 0 0 1.500-1.500v-8A1.500 1.500 0 0 0 19 8h-7L9.500 5H5a1.500 1.500 0 0 0-1.500 1.500zM12 11v5M9.500 13.500h5" />,
  restart: <path d="M19 12a7 7 0 1 1-2.2-5.1M17.5 3.5V7.5h-4" />,
  edit: <path d="M4.5 19.5l1-4L16 5l3 3L8.5 18.5zM13.5 7.5l3 3" />,
  trash: <path d="M4.5 6.5h15M9.5 6V4h5v2M6.5 6.5l1 13.5h9l1-13.5M10.5 10.5v6M13.5 10.5v6" />,
  log: <path d="M5.5 3.5h13v17h-13zM9 8h6M9 12h6M9 16h3.5" />,
  copy: <path d="M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4" />,
  check: <path d="M5 12.5l4.5 4.5L19 7" />,
  download: <path d="M12 4v11M7.5 11l4.5 4.5 4.5-4.5M4.5 19.5h15" />,
  upload: <path d="M12 15.5V4.5M7.5 9L12 4.5 16.5 9M4.5 19.5h15" />,
  search: <path d="M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20" />,
  signOut: <path d="M10 4.5H5v15h5M15 8l4 4-4 4M9.5 12H19" />,
  sun: <path d="M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6l1.4 1.4M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4" />,
  moon: <path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z" />,
  language: <path d="M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM3.5 12h17M12 3.5c5 5 5 12 0 17M12 3.5c-5 5-5 12 0 17" />,
  arrow: <path d="M5 12h14M13 6l6 6-6 6" />,
  down: <path d="M6 9.5l6 6 6-6" />,
  info: <path d="M12 20.5a8.500 8.500 0 1 0 0-17 8.500 8.500 0 0 0 0 17zM12 11v5.500M12 7.500h.01" />,
  tool: <path d="M14.500 6.500a4.200 4.200 0 0 1 5-1.200l-2.700 2.700 1.700 1.700 2.700-2.700a4.200 4.200 0 0 1-5.500 5.200L8.500 19.500a1.900 1.900 0 0 1-2.800-2.800L13 9.500a4.200 4.200 0 0 1 1.500-3z" />,
  warning: <path d="M12 4l9 16H3zM12 10v4.5M12 17.5h.01" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof SHAPES;

interface IconProps extends SVGProps<SVGSVGElement> {
  name: IconName;
  size?: number;
}

export function Icon({ name, size = 18, ...rest }: IconProps) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.7}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      {...rest}
    >
      {SHAPES[name]}
    </svg>
  );
}

const BY_TEMPLATE: Record<string, IconName> = {
  jupyter: "notebook",
  jupyterlab: "notebook",
  notebook: "notebook",
  rstudio: "chart",
  vscode: "code",
  code: "code",
  desktop: "desktop",
  vnc: "desktop",
  command: "terminal",
  terminal: "terminal",
  image: "box",
};

/** The icon that a template names; a box for one we do not draw. */
export function templateIcon(name: string | undefined): IconName {
  if (!name) return "box";
  return BY_TEMPLATE[name] ?? (name in SHAPES ? (name as IconName) : "box");
}
