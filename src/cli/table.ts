export interface Column<R> {
  readonly head: string
  readonly of: (row: R) => string | number
}

const GAP = '  '

/**
 * Columns side by side without lines or colours, as `awk` and eyes like them: a row is one line
 * unless a cell has several; numbers stand to the right; what is empty is a dash.
 */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  const heads = columns.map(({ head }) => head)
  const cells = rows.map((row) => columns.map(({ of }) => of(row)))
  const lines = [heads, ...cells.flatMap(linesOf)]
  const isNumber = columns.map((_, i) => typeof cells[0]?.[i] === 'number')
  const widths = columns.map((_, i) =>
    lines.reduce((widest, line) => Math.max(widest, widthOf(line[i] ?? '')), 0)
  )
  const padded = (text: string, i: number): string => {
    const room = ' '.repeat((widths[i] ?? 0) - widthOf(text))
    return isNumber[i] ? room + text : text + room
  }
  return lines.map((line) => line.map(padded).join(GAP).trimEnd()).join('\n')
}

/** As many lines as the tallest cell of `row` has. */
function linesOf(row: readonly (string | number)[]): string[][] {
  const cells = row.map((cell) => (cell === '' ? '-' : String(cell)).split('\n'))
  const height = Math.max(...cells.map(({ length }) => length))
  return Array.from({ length: height }, (_, i) => cells.map((cell) => cell[i] ?? ''))
}

const ASCII = /^[\x20-\x7e]*$/
/** What terminals show over two columns: East Asian scripts, full-width forms, pictures. */
const WIDE = /[\p{sc=Han}\p{sc=Hangul}\p{sc=Hira}\p{sc=Kana}\p{EPres}\u3000-\u303f\uff01-\uff5e]/gu
const MARK = /\p{Mark}/gu

/** Columns of a terminal that `text` takes. */
function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length
  const wide = text.match(WIDE)?.length ?? 0
  const marks = text.match(MARK)?.length ?? 0
  return [...text].length + wide - marks
}
