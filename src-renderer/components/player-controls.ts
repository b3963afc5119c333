/** @file What the player may ask of its controls. */
export interface PlayerControlsHandle {
  /** Turns the frame number into a box to type in. */
  askFrame: () => Promise<void>;
}
