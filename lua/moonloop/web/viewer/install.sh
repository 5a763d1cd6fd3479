#!/bin/sh
# Installs the viewer of /docs from the npm registry: install.sh DIR makes DIR/node_modules/
# swagger-ui-dist, of the version and checksum in package-lock.json, unless it is there. The gateway
# does without, so what cannot be had is only said.
here=$(dirname "$0") to=$1

cmp -s "$here/package-lock.json" "$to/package-lock.json" && exit 0
command -v npm >/dev/null || {
	echo "npm is not installed: /docs will be without its viewer" >&2
	exit 0
}
echo "installing the viewer of /docs"
mkdir -p "$to" && cp "$here/package.json" "$here/package-lock.json" "$to" || exit 1
(cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null) || {
	rm -f "$to/package-lock.json"
	echo "npm cannot install it: /docs will be without its viewer" >&2
}
exit 0
