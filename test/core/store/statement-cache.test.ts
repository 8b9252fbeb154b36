import Sqlite from 'better-sqlite3';
import { expect, test } from 'vitest';
import { withStatementCache } from '../../../src/core/store/statement-cache.ts';

function open() {
  const database = new Sqlite(':memory:');
  database.exec("create table words (id integer primary key, word text); insert into words (word) values ('one')");
  return withStatementCache(database);
}

test('a query is prepared once, and reads again each time', () => {
  const database = open();
  const query = 'select word from words where id = ?';
  const statement = database.prepare(query);
  expect(statement.all([1])).toEqual([{ word: 'one' }]);
  database.prepare('update words set word = ?').run(['two']);
  expect(database.prepare(query)).toBe(statement);
  expect(statement.all([1])).toEqual([{ word: 'two' }]);
});

test('the next query of the same text sees a changed schema', () => {
  const database = open();
  const query = 'select * from words';
  expect(database.prepare(query).all([])).toEqual([{ id: 1, word: 'one' }]);
  database.prepare("alter table words add column tongue text default 'en'").run([]);
  expect(database.prepare(query).all([])).toEqual([{ id: 1, word: 'one', tongue: 'en' }]);
});

test('a query that is used often stays prepared, and one that is not goes', () => {
  const database = open();
  const often = database.prepare('select 0');
  const once = database.prepare('select -1');
  for (let number = 1; number < 400; number++) {
    database.prepare(`select ${number}`);
    database.prepare('select 0');
  }
  expect(database.prepare('select 0')).toBe(often);
  expect(database.prepare('select -1')).not.toBe(once);
});
