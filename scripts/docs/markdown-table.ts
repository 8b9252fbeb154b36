/** Returns a table that ends with a line break. Escapes pipes inside cells. */
export function markdownTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [columns, columns.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map(escapePipes).join(' | ')} |\n`).join('');
}

function escapePipes(cell: string): string {
  return cell.replaceAll('|', String.raw`\|`);
}
