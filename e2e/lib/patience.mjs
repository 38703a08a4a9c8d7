/** How long, in ms, is waited for what should come soon. No test is about how fast this machine is. */
export const patience = 180_000
