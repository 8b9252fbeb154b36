import { dirname, normalize, join } from 'node:path/posix';
import { importProblem } from './rooms.js';

/** The path below src/. Undefined for files elsewhere. */
function placeOf(filename) {
  const at = filename.replaceAll('\\', '/').lastIndexOf('/src/');
  return at === -1 ? undefined : filename.replaceAll('\\', '/').slice(at + '/src/'.length);
}

const roomOrder = {
  create(context) {
    const file = placeOf(context.filename);
    if (file === undefined) return {};
    const check = (node) => {
      const source = node?.source ?? node?.argument;
      const specifier = source?.value ?? source?.literal?.value;
      if (typeof specifier !== 'string') return;
      const target = specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier;
      const problem = importProblem(file, target);
      if (problem !== undefined) context.report({ node: source, message: problem });
    };
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check,
      TSImportType: check,
    };
  },
};

const banned = {
  'Date.now': 'Take the time from the injected clock (core/base/clock.ts).',
  'performance.now': 'Take the time from the injected clock (core/base/clock.ts).',
  'Math.random': 'Take randomness from what is injected (core/base/ids.ts).',
};
const bannedNames = new Set(['setTimeout', 'setInterval', 'setImmediate', 'randomUUID']);
const bannedModules = /^(?:node:)?timers(?:\/promises)?$/;

/** The core takes time, timers, ids and randomness from one place, so that a test can drive them. */
const oneClock = {
  create(context) {
    return {
      MemberExpression(node) {
        const says = banned[`${node.object.name}.${node.property.name}`];
        if (says !== undefined) context.report({ node, message: says });
      },
      NewExpression(node) {
        if (node.callee.name === 'Date' && node.arguments.length === 0)
          context.report({ node, message: banned['Date.now'] });
      },
      CallExpression(node) {
        const name = node.callee.name ?? node.callee.property?.name;
        if (bannedNames.has(name))
          context.report({ node, message: `${name}: use the injected clock or ids (core/base).` });
      },
      ImportDeclaration(node) {
        if (bannedModules.test(node.source.value))
          context.report({ node, message: `${node.source.value}: use the injected clock (core/base/clock.ts).` });
      },
    };
  },
};

/** Finds type assertions and casts. `scripts/lint/ratchet.js` counts them. The rule is off in the editor. */
const assertion = {
  create(context) {
    const report = (node) =>
      context.report({ node, message: 'The compiler cannot check this: validate or narrow instead.' });
    return {
      TSAsExpression(node) {
        const { typeAnnotation: type } = node;
        if (!(type.type === 'TSTypeReference' && type.typeName.name === 'const')) report(node);
      },
      TSTypeAssertion: report,
      TSNonNullExpression: report,
      TSTypePredicate: report,
      Program(node) {
        for (const comment of context.sourceCode.getAllComments()) if (/@ts-/.test(comment.value)) report(node);
      },
    };
  },
};

export default {
  meta: { name: 'ecolink' },
  rules: { 'room-order': roomOrder, 'one-clock': oneClock, assertion },
};
