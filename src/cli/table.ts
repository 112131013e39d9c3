import Table from 'cli-table3'

const GAP = '  '
const NOTHING = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: GAP
}

export interface Column<R> {
  readonly head: string
  readonly of: (row: R) => string | number
}

/**
 * Columns side by side without lines or colours, as `awk` and eyes like them: a row is one line
 * unless a cell has several; numbers stand to the right; what is empty is a dash.
 */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[]): string {
  const cells = rows.map((row) => columns.map(({ of }) => of(row)))
  const grid = new Table({
    chars: NOTHING,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    head: columns.map(({ head }) => head),
    colAligns: columns.map((_, i) => (typeof cells[0]?.[i] === 'number' ? 'right' : 'left'))
  })
  for (const row of cells) grid.push(row.map((cell) => (cell === '' ? '-' : String(cell))))
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
