import { describe, expect, it } from 'vitest';
import { fieldRef, render, run, say, task, tasks } from '../../src/core/base/prose.ts';
import { inputFields } from '../../src/core/operation/operation.ts';
import { catalogue } from '../../src/core/operations/catalogue.ts';
import { assistantSpeaker } from '../../src/mcp/speaker.ts';
import { listTools } from './list-tools.ts';

const tools = await listTools();
const toolNames = new Set(tools.map(({ name }) => name));

/** Parts of a text that an assistant could not use: commands, and operations that it does not have. */
function unusable(text: string): string[] {
  const others = catalogue.map(({ name }) => name).filter((name) => !toolNames.has(name));
  const kebab = catalogue.map(({ name }) => name.replaceAll('_', '-'));
  return ['ecolink ', '--', '[object', ...others, ...kebab].filter((each) => text.includes(each));
}

describe('what an assistant reads of references', () => {
  it.each(catalogue.map(({ name }) => name))('names %s as a tool only if it is one', (name) => {
    const said = render(say`See ${run(name, { instance: 3 })}.`, assistantSpeaker);
    expect(said.includes(name)).toBe(toolNames.has(name));
    expect(unusable(said)).toEqual([]);
  });

  it('says a tool with its arguments, and an operation for people by its title', () => {
    const said = (name: string) => render([run(name, { instance: 3, model: 'tiny' })], assistantSpeaker);
    expect(said('get_instance')).toBe('get_instance (instance: 3, model: "tiny")');
    expect(said('extend_instance')).toBe('"Extend an instance" (instance: 3; model: "tiny"; a person does this)');
    expect(said('water_plants')).toBe('"water plants" (instance: 3; model: "tiny"; a person does this)');
    expect(render([run('list_regions')], assistantSpeaker)).toBe('list_regions');
    expect(render([run('list_people')], assistantSpeaker)).toBe('"List people" (a person does this)');
  });

  it.each(catalogue.flatMap((operation) => inputFields(operation).map(({ name }) => [operation.name, name] as const)))(
    'names the fields of %s as keys of its input: %s',
    (_operation, field) => {
      expect(render([fieldRef(field)], assistantSpeaker)).toBe(`"${field}"`);
      expect(render([fieldRef(field, 'x')], assistantSpeaker)).toBe(`"${field}": "x"`);
    },
  );

  it.each(tasks)('passes the task %s on to its user', (name) => {
    for (const said of [render([task(name)], assistantSpeaker), render([task(name, 'blue')], assistantSpeaker)]) {
      expect(said).toMatch(/^ask your user to [a-z]/);
      expect(unusable(said)).toEqual([]);
    }
  });

  it('never asks for the value of a secret in the chat', () => {
    expect(render([task('add_credential', 'hf')], assistantSpeaker)).toBe(
      'ask your user to store a Hugging Face token named "hf" at a terminal, never in this chat',
    );
  });
});

describe.each(tools)('the description of $name', ({ title, description, inputSchema, outputSchema }) => {
  it('names only tools, and no command', () => {
    expect(unusable(JSON.stringify([title, description, inputSchema]))).toEqual([]);
  });

  it('shows texts of the result as strings', () => {
    expect(JSON.stringify(outputSchema)).not.toMatch(/anyOf|oneOf/);
  });
});
