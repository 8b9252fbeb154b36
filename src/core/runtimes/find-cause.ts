import { stripVTControlCharacters } from 'node:util';
import type { reasonCodes } from '../base/reason-codes.ts';

/** Why an engine ended, as its own log tells it. */
export interface EngineCause {
  code: Extract<keyof typeof reasonCodes, `engine_${string}`>;
  /** A sentence and a way out. */
  message: string;
  /** The line of the engine that says so. */
  line: string;
}

interface Rule {
  code: EngineCause['code'];
  pattern: RegExp;
  message: string;
}

/** Engines write most causes as free text. The first rule that fits a line wins, so narrow rules come first. */
const rules: readonly Rule[] = [
  {
    code: 'engine_cache_too_small',
    pattern:
      /KV cache is needed, which is larger than|No available memory for the cache blocks|larger than the maximum number of tokens that can be stored in KV cache|Not enough memory\. Please try to increase --mem-fraction-static/i,
    message:
      'The memory that is left after the weights cannot hold the context. Launch with a shorter context, more memory or more accelerators.',
  },
  {
    code: 'engine_out_of_memory',
    pattern:
      /CUDA out of memory|OutOfMemoryError|(cudaMalloc|CUDA error).*out of memory|can't allocate memory|Cannot allocate memory|std::bad_alloc|failed to allocate (buffer|.*buffer)|unable to allocate .* buffer|is less than desired (GPU|CPU)? ?memory utilization|^MemoryError\b/i,
    message: 'The engine found too little memory. Launch with more memory or accelerators, or a smaller model.',
  },
  {
    code: 'engine_no_accelerator',
    pattern:
      /Failed to infer device type|No CUDA GPUs are available|Found no NVIDIA driver|no CUDA-capable device is detected|Torch not compiled with CUDA enabled|nvidia-smi.*(not found|failed)|libcuda\.so\.1: cannot open/i,
    message: 'The engine found no accelerator. Launch with an accelerator, or choose a runtime for CPUs.',
  },
  {
    code: 'engine_port_taken',
    pattern: /address already in use|couldn't bind .*port/i,
    message: 'The port of the engine is taken. Restart the instance.',
  },
  {
    code: 'engine_model_code',
    pattern: /trust[_-]remote[_-]code/i,
    message: 'The model needs its own code. Launch with --trust-remote-code if you trust its authors.',
  },
  {
    code: 'engine_bad_flag',
    pattern:
      /error: (unrecognized arguments|argument \S+|the following arguments are required|invalid argument|unexpected argument|invalid value)|^error while handling argument/i,
    message: 'The engine does not accept an argument. Correct the arguments and launch again.',
  },
  {
    code: 'engine_bad_split',
    pattern: /must be divisible by tensor parallel size|attention heads.*divisible|is not divisible by.*tp_size/i,
    message: 'The model cannot be split across this number of accelerators. Launch with another number.',
  },
  {
    code: 'engine_bad_template',
    pattern: /TemplateSyntaxError|failed to (parse|apply) chat template|chat template.*(error|invalid|not supported)/i,
    message: 'The engine cannot read the chat template of the model. Use a revision with a valid template.',
  },
  {
    code: 'engine_unsupported_architecture',
    pattern:
      /Model architectures? .* (are not supported|is not supported|failed to be inspected)|unknown model architecture|does not recognize this architecture|has no .* implementation|unsupported model type|model type .* is not supported/i,
    message: 'This version of the engine does not know the architecture of the model. Choose another runtime or model.',
  },
  {
    code: 'engine_unsupported_format',
    pattern:
      /(quantization|quant) method .*(not supported|unknown|invalid)|Unknown quantization|Bfloat16 is only supported|does not support (bfloat16|float16|dtype)|torch_dtype .* is not supported/i,
    message: 'The engine cannot compute with this number format here. Choose another --dtype or quantization.',
  },
  {
    code: 'engine_tokenizer_missing',
    pattern:
      /Can't load tokenizer|Couldn't instantiate the backend tokenizer|cannot find tokenizer|error loading model vocabulary|`?tokenizer\.json`? (not found|does not exist)/i,
    message: 'The engine finds no usable tokenizer. Register the model with its tokenizer files.',
  },
  {
    code: 'engine_weights_damaged',
    pattern:
      /SafetensorError|MetadataIncompleteBuffer|HeaderTooLarge|InvalidHeader|invalid magic characters|not within the file bounds|data is not within file|unexpectedly reached end of file|PytorchStreamReader failed/i,
    message: 'A file of the weights is damaged or incomplete. Delete the volume and download the model again.',
  },
  {
    code: 'engine_weights_unreadable',
    pattern:
      /PermissionError|Permission denied|Cannot find any model weights|(failed to open|error opening).*\.(gguf|safetensors)|No such file or directory.*\.(safetensors|gguf|bin)/i,
    message: 'The engine cannot read a file of the model. Let the user of the engine read the folder.',
  },
  {
    code: 'engine_worker_killed',
    pattern:
      /(WorkerProc|Worker proc|Engine core proc|Rank \d+ scheduler|worker process).*(died|is dead|killed)|EngineDeadError|sigquit received/i,
    message: 'A process of the engine was killed. It may have used too much memory: read the log.',
  },
];

const lineLimit = 400;

/**
 * The first cause in the log of one start. Engines repeat a failure in every process that it passes through and end with
 * "See root cause above", so the last lines say little. Warnings and notes on the way are no cause. Undefined if no line
 * names a known cause. Pure.
 */
export function findCause(log: readonly string[]): EngineCause | undefined {
  for (const raw of log) {
    const line = withoutPrefix(raw);
    if (isHarmless(line)) continue;
    const rule = rules.find(({ pattern }) => pattern.test(line.text));
    if (rule) return { code: rule.code, message: rule.message, line: line.text.slice(0, lineLimit) };
  }
  return undefined;
}

interface LogLine {
  level: string | undefined;
  text: string;
}

const processPrefix = /^\s*\([\w ]+ pid=\d+\)\s*/;
const levelPrefix =
  /^(?:(DEBUG|INFO|WARNING|ERROR|CRITICAL) \d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? \[[^\]]*\]\s?|[\d.]+ ([DIWE]) |\d{4}-\d\d-\d\dT[\d:.]+Z?\s+(DEBUG|INFO|WARN|ERROR) |\[[\d: -]+[^\]]*\]\s)/;

function withoutPrefix(raw: string): LogLine {
  let text = stripVTControlCharacters(raw);
  while (processPrefix.test(text)) text = text.replace(processPrefix, '');
  const found = levelPrefix.exec(text);
  return { level: found?.[1] ?? found?.[2] ?? found?.[3], text: text.slice(found?.[0].length ?? 0).trim() };
}

/** Engines print their settings, `trust_remote_code=False` among them, and lines of source in tracebacks. */
function isHarmless({ level, text }: LogLine): boolean {
  if (level !== undefined && !['ERROR', 'CRITICAL', 'E'].includes(level)) return true;
  return /^(File "|raise |non-default args|server_args=|usage:|\[-)|\b(trust_remote_code)\s*=\s*\w+,/.test(text);
}
