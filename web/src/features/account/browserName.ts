// What a browser calls itself, in two words: browser and system.

const BROWSERS: [RegExp, string][] = [
  [/\bEdgA?\/[\d.]+/, "Edge"],
  [/\bOPR\/[\d.]+/, "Opera"],
  [/\bWhale\/[\d.]+/, "Whale"],
  [/\bSamsungBrowser\/[\d.]+/, "Samsung Internet"],
  [/\bFirefox\/[\d.]+|\bFxiOS\/[\d.]+/, "Firefox"],
  [/\bChrome\/[\d.]+|\bCriOS\/[\d.]+/, "Chrome"],
  [/\bVersion\/[\d.]+.*\bSafari\//, "Safari"],
  [/\bcurl\/[\d.]+/, "curl"],
];

const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, "iOS"],
  [/Android/, "Android"],
  [/Windows/, "Windows"],
  [/Mac OS X|Macintosh/, "macOS"],
  [/CrOS/, "ChromeOS"],
  [/Linux/, "Linux"],
];

export interface BrowserName {
  browser: string | null;
  system: string | null;
}

export function browserName(userAgent: string): BrowserName {
  const first = (known: [RegExp, string][]) => known.find(([pattern]) => pattern.test(userAgent))?.[1] ?? null;
  return { browser: first(BROWSERS), system: first(SYSTEMS) };
}
