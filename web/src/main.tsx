import { MantineProvider } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { queryClient } from "./api/queryClient";
import { Notices } from "./components/Notices";
import { startLanguages } from "./i18n";
import { router } from "./routes/tree";
import { colorScheme, theme } from "./ui/theme";

import "./ui/mantine.css";
import "./ui/tokens.css";
import "./ui/base.css";
import "./ui/kit.css";

await startLanguages();

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <MantineProvider theme={theme} colorSchemeManager={colorScheme} defaultColorScheme="auto">
      <QueryClientProvider client={queryClient}>
        <Notices />
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
