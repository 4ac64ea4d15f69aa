import net from 'node:net';

/** Free means: nobody listens there, neither on this address nor on all of them. */
export async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && (await canListen(port, '::'));
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'EADDRINUSE' && error.code !== 'EACCES'),
    );
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** The first of `preferred`, preferred + step, … whose `count` ports are all free. */
export async function choosePort(preferred: number, options: { count?: number; step?: number } = {}): Promise<number> {
  const { count = 1, step = 10 } = options;
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = preferred + attempt * step;
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(port + i)));
    if (free.every(Boolean)) return port;
  }
  throw new Error(`No free port from ${preferred} on: 50 are in use. Set one by hand, or stop what uses them.`);
}
