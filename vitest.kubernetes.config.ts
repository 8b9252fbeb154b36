import { defineConfig } from 'vitest/config';

const found = process.env['KUBEBUILDER_ASSETS'] !== undefined;
const words =
  "test:kubernetes needs a control plane's binaries: set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kube-controller-manager and kube-scheduler (setup-envtest prints one).";
if (!found && process.env['CI']) throw new Error(words);
if (!found) process.stderr.write(`\nSKIPPED, nothing was tested: ${words}\n\n`);

export default defineConfig({
  test: {
    include: found ? ['test/kubernetes/**/*.test.ts'] : [],
    passWithNoTests: !found,
    testTimeout: 90_000,
    hookTimeout: 120_000,
    retry: process.env['CI'] ? 1 : 0,
    // One control plane at a time: each is four processes.
    fileParallelism: false,
  },
});
