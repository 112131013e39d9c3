/** What cannot be done as asked, in one line. */
export class Refused extends Error {
  override readonly name = 'Refused'
}
