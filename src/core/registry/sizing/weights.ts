import type { Architecture } from '../model.ts';

const loadedBits = 16;

/**
 * Bytes of the weights on all ranks together, as an engine loads them: the files as they are, but 32-bit weights in 16
 * bits (vLLM and text-embeddings-inference do so unless told otherwise). Without files, the parameters in the type that
 * the config names. Undefined if neither is known.
 */
export function loadedWeightBytes(fileBytes: number | undefined, architecture: Architecture): number | undefined {
  const { parameters, quantization } = architecture;
  if (fileBytes !== undefined && fileBytes > 0) {
    const halved = parameters !== undefined && quantization === undefined && fileBytes > parameters * 3;
    return halved ? (parameters * loadedBits) / 8 : fileBytes;
  }
  return parameters === undefined ? undefined : (parameters * (quantization?.bits ?? loadedBits)) / 8;
}
