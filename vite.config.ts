import {defineConfig} from 'vite';

export default defineConfig({
  root: 'src/web',
  base: './', // works below any path prefix
  build: {outDir: '../../dist/web', emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0, modulePreload: {polyfill: false}},
});
