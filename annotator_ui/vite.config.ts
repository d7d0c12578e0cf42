import { defineConfig } from "vitest/config";

// `npm run dev` beside a running hub: HUB_ADDRESS=http://127.0.0.1:8000 npm run dev
const hub = process.env["HUB_ADDRESS"];

export default defineConfig({
  base: "/",
  server: {
    host: "127.0.0.1",
    ...(hub ? { proxy: { "/api": { target: hub, changeOrigin: true, headers: { origin: hub } } } } : {}),
  },
  build: { outDir: "dist", emptyOutDir: true, target: "es2022", sourcemap: false, assetsInlineLimit: 0 },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
