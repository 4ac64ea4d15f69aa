/** Ctrl-C once asks, twice ends. */
export function askToStop(onAsked: () => void): { stopped(): boolean; end(): void } {
  let stopped = false;
  const ask = (): void => {
    if (stopped) process.exit(130);
    stopped = true;
    onAsked();
  };
  process.on('SIGINT', ask).on('SIGTERM', ask);
  return {
    stopped: () => stopped,
    end: () => void process.off('SIGINT', ask).off('SIGTERM', ask),
  };
}
