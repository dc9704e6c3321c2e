import { fileURLToPath } from "node:url";

import { defineConfig } from "vite";

// A front end of its own installs the package that `make clients` makes, and needs none of this.
const library = fileURLToPath(new URL("../../clients/js/dist", import.meta.url));

export default defineConfig({
  server: { host: "localhost", port: 5173, strictPort: true, fs: { allow: [".", library] } },
  resolve: {
    alias: [
      { find: /^vetassist-client$/, replacement: `${library}/index.js` },
      { find: "vetassist-client/react", replacement: `${library}/react.js` },
    ],
    // The library's folder has a React of its own.
    dedupe: ["react"],
  },
});
