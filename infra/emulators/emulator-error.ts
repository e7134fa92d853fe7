/** An emulator, or a tool that it needs, that cannot be started or fails. The message says what to do. */
export class EmulatorError extends Error {
  override readonly name = 'EmulatorError';
}
