/** One file of a simulated disk: a page cache over what the medium has. */
export interface SimulatedFile {
  bytes: Uint8Array
  length: number
  /** What a power cut cannot take: [0, durable). */
  durable: number
  /** Where the last append began: the record that a power cut may tear. */
  lastAppend: number
  /** Ranges whose sync failed: the cache shows them, the medium never got them (fsyncgate). */
  holes: (readonly [from: number, to: number])[]
  /** Ranges that the medium does not give back. */
  unreadable?: (readonly [from: number, to: number])[]
}

export function emptyFile(): SimulatedFile {
  return { bytes: new Uint8Array(1024), length: 0, durable: 0, lastAppend: 0, holes: [] }
}

/** A file that holds `content`, all of it durable. */
export function wholeFile(content: Uint8Array): SimulatedFile {
  const { length } = content
  return { bytes: content.slice(), length, durable: length, lastAppend: 0, holes: [] }
}

export function contentOf({ bytes, length }: SimulatedFile): Uint8Array {
  return bytes.slice(0, length)
}

export function appendTo(file: SimulatedFile, bytes: Uint8Array): void {
  file.lastAppend = file.length
  resize(file, file.length + bytes.length)
  file.bytes.set(bytes, file.lastAppend)
}

/** What is gained reads as zeros. */
export function resize(file: SimulatedFile, length: number): void {
  if (length > file.bytes.length) {
    const grown = new Uint8Array(Math.max(file.bytes.length * 2, length))
    grown.set(file.bytes.subarray(0, file.length))
    file.bytes = grown
  }
  if (length > file.length) file.bytes.fill(0, file.length, length)
  file.length = length
}
