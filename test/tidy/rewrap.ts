import { readFileSync, writeFileSync } from 'node:fs'
import { LINE_COLUMNS_MAX } from './sizes.ts'
import { filesUnder } from './source.ts'

// The formatter wraps code and leaves comments alone. `npm run format` runs this after it: a
// comment line that is too long gives its last words to the next line of its paragraph.

const COMMENT = /^(\s*)(\/\*\*|\*|\/\/) (.*)$/
const ONE_LINE = /^(\s*)\/\*\* (.*) \*\/$/
/** What opens a paragraph of its own: lists, tags, tables, drawn layouts. */
const OPENING = /^([-*|@]|\d+[.)] |\(\w\) | )/

export function rewrap(text: string, columns = LINE_COLUMNS_MAX): string {
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    if (line.length <= columns) continue
    const whole = ONE_LINE.exec(line)
    if (whole !== null) {
      const [, indent = '', words = ''] = whole
      lines.splice(i, 1, `${indent}/**`, `${indent} * ${words}`, `${indent} */`)
      continue
    }
    breakLine(lines, i, columns)
  }
  return lines.join('\n')
}

function breakLine(lines: string[], i: number, columns: number): void {
  const line = lines[i] ?? ''
  const parts = COMMENT.exec(line)
  if (parts === null) return
  const [, indent = '', mark = '', words = ''] = parts
  const prefix = mark === '/**' ? `${indent} * ` : `${indent}${mark} `
  const cut = line.lastIndexOf(' ', columns)
  if (cut <= line.length - words.length) return
  lines[i] = line.slice(0, cut)
  const rest = line.slice(cut + 1)
  // The rest of a list item stands under its text.
  const hanging = /^- /.test(words) ? '  ' : (/^ +/.exec(words)?.[0] ?? '')
  const start = prefix + hanging
  const next = lines[i + 1] ?? ''
  const continues = next.startsWith(start) && !OPENING.test(next.slice(start.length))
  if (continues) lines[i + 1] = `${start}${rest} ${next.slice(start.length)}`
  else lines.splice(i + 1, 0, `${start}${rest}`)
}

if (process.argv[1]?.endsWith('test/tidy/rewrap.ts')) {
  for (const path of process.argv.slice(2).flatMap(filesUnder)) {
    if (!path.endsWith('.ts')) continue
    const before = readFileSync(path, 'utf8')
    const after = rewrap(before)
    if (after !== before) writeFileSync(path, after)
  }
}
