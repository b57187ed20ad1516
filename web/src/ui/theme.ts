// Our own look on the kit: palette, shape, scale.

import {
  createTheme,
  defaultVariantColorsResolver,
  localStorageColorSchemeManager,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from "@mantine/core";

const marine: MantineColorsTuple = [
  "#eef0fd", "#dde2fb", "#c3ccfb", "#a3b2ff", "#7386ec", "#4c61da", "#3144c4", "#2636a3", "#1e2b83", "#172164",
];
const slate: MantineColorsTuple = [
  "#f6f7f9", "#f1f3f6", "#e9ecf1", "#d8dde6", "#b8c0cc", "#838d9d", "#525c6c", "#3c4553", "#242b36", "#131924",
];
const night: MantineColorsTuple = [
  "#e7ebf1", "#c6ceda", "#a0abba", "#76818f", "#3b4553", "#2a323e", "#1b212a", "#151a21", "#0d1116", "#0a0d12",
];

export const colorScheme = localStorageColorSchemeManager({ key: "myksc-theme" });

/** Surfaces in our own accent and warning colours, readable in both themes. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const given = defaultVariantColorsResolver(input);
  const isRed = input.color === "red";
  if (isRed && input.variant === "outline") {
    return { ...given, color: "var(--fail)", border: "1px solid var(--fail)", hover: "var(--fail-soft)" };
  }
  if (input.variant !== "filled") return given;
  return {
    ...given,
    background: isRed ? "var(--fail)" : "var(--accent)",
    hover: isRed ? "var(--fail-hover)" : "var(--accent-hover)",
    color: isRed ? "var(--on-fail)" : "var(--on-accent)",
  };
};

export const theme = createTheme({
  primaryColor: "marine",
  primaryShade: { light: 6, dark: 3 },
  variantColorResolver,
  colors: { marine, gray: slate, dark: night },
  white: "#ffffff",
  black: "#131924",
  fontFamily: "var(--font-text)",
  fontFamilyMonospace: "var(--font-mono)",
  fontSizes: { xs: "0.75rem", sm: "0.875rem", md: "0.9375rem", lg: "1.0625rem", xl: "1.25rem" },
  defaultRadius: "md",
  radius: { xs: "3px", sm: "4px", md: "7px", lg: "12px", xl: "18px" },
  cursorType: "pointer",
  respectReducedMotion: true,
  focusRing: "auto",
  // Plain objects: naming the kit's parts here would load them all with the first page.
  components: {
    Button: { defaultProps: { size: "sm" }, styles: { label: { fontWeight: 600 } } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray", size: 32 } },
    Input: { defaultProps: { size: "sm" } },
    InputWrapper: { defaultProps: { size: "sm", inputWrapperOrder: ["label", "input", "description", "error"] } },
    Menu: { defaultProps: { position: "bottom-end", shadow: "md", withinPortal: true, transitionProps: { duration: 90 } } },
    Modal: {
      defaultProps: {
        // The dialog's title row is no banner of the page.
        attributes: { header: { role: "presentation" } },
        centered: true,
        radius: "lg",
        overlayProps: { backgroundOpacity: 0.45 },
        transitionProps: { duration: 120, transition: "fade" },
      },
    },
  },
});
