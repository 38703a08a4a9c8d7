import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

// The server that the page talks to while `npm run dev` serves it.
const server = process.env.TUTTI_SERVER ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [svelte()],
  build: {
    outDir: 'dist',
    // The server may say `default-src 'self'`: nothing is inlined as a data: script, and no polyfill script is needed.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    sourcemap: false,
    chunkSizeWarningLimit: 900,
    manifest: true,
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/api', '/whep', '/whip', '/live', '/rtc', '/call', '/probe', '/root.crt'].map((path) => [path, { target: server, ws: true }]),
    ),
  },
  // They run beside browser tests, at a low priority: how long one takes says nothing.
  test: { include: ['src/**/*.test.ts'], environment: 'node', testTimeout: 600_000, hookTimeout: 600_000 },
})
