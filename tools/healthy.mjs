// Exit code of a container's health check: node tools/healthy.mjs <port>
const answer = await fetch(`http://127.0.0.1:${process.argv[2]}/readyz`).catch(() => undefined);
process.exit(answer?.ok ? 0 : 1);
