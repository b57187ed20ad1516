// Runs before the first paint, so that neither the theme nor the language changes under the reader's eyes.
(function () {
  var kept = { theme: null, language: null };
  try {
    kept.theme = localStorage.getItem("myksc-theme");
    kept.language = localStorage.getItem("myksc-language");
  } catch {
    // A browser that keeps nothing gets the system's choice.
  }
  var dark = kept.theme === "dark" || (kept.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
  var spoken = kept.language || (navigator.languages || [navigator.language]).find(function (tag) { return /^(ko|en)\b/.test(tag); });
  document.documentElement.lang = spoken && spoken.indexOf("ko") === 0 ? "ko" : "en";
})();
