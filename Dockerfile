# Build: every package, TypeScript to JavaScript
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN npm run build

# Packages that production needs; PostgreSQL runs elsewhere, so no install script is wanted
FROM node:22-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

# One image, four commands (see docker-compose.yml)
FROM node:22-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production
RUN mkdir -p /var/lib/leadfold && chown node:node /var/lib/leadfold
COPY --from=packages /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/package.json /app/package-lock.json ./
# files that the programs read beside their code
COPY --from=build /app/libs ./libs
COPY --from=build /app/tools/healthy.mjs ./tools/healthy.mjs
USER node
CMD ["node", "dist/apps/api/src/main.js"]
