import { defineConfig } from 'vitest/config';

const needed = ['KUBECONFIG', 'ECOLINK_TEST_IMAGE', 'ECOLINK_TEST_HOST'];
// Elsewhere nodes that cannot be lost are left out; CI leaves nothing out.
if (process.env['CI']) needed.push('ECOLINK_TEST_PAUSE_NODE', 'ECOLINK_TEST_RESUME_NODE');
const missing = needed.filter((name) => !process.env[name]);
const words = `test:cluster needs ${missing.join(', ')} (docs/kubernetes.md, "Trying it on a cluster").`;
if (missing.length > 0 && process.env['CI']) throw new Error(words);
if (missing.length > 0) process.stderr.write(`\nSKIPPED, nothing was tested: ${words}\n\n`);

export default defineConfig({
  test: {
    include: missing.length > 0 ? [] : ['test/cluster/**/*.test.ts'],
    passWithNoTests: missing.length > 0,
    // One installation at a time: nodes and their accelerators are counted.
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    retry: process.env['CI'] ? 1 : 0,
  },
});
