import { defineConfig } from "vite";

export default defineConfig({
  server: { host: "localhost", port: 5173, strictPort: true },
  // The library is a link to its folder, which has a React of its own.
  resolve: { dedupe: ["react"] },
});
