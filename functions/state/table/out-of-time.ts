/** A call was not made, for its reader has no time left. Nothing is wrong: it asked for more than there was time for. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';
  constructor() {
    super('no time is left for another call');
  }
}
