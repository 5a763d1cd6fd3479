#!/bin/sh
# Installs the Debian packages named as arguments that are missing: as root, or through sudo that
# asks for no password; otherwise prints the one command to type. With --optional a package that
# cannot be had is only said.
optional=no
[ "$1" = --optional ] && { optional=yes; shift; }
command -v dpkg-query >/dev/null || {
	echo "no dpkg on this system; install by hand what these Debian packages hold: $*" >&2
	exit 0
}
missing=
for p in "$@"; do
	dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed ||
		missing="$missing $p"
done
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
	as_root="sudo -n"
else
	echo "missing packages; please run:" >&2
	echo "  sudo apt-get install -y --no-install-recommends$missing" >&2
	[ $optional = yes ] && exit 0
	exit 1
fi

echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq >/dev/null || echo "apt-get update failed; trying with the old lists" >&2
install="$as_root apt-get install -qq -y --no-install-recommends"
if [ $optional = yes ]; then
	for p in $missing; do
		$install "$p" >/dev/null 2>&1 || echo "cannot install $p; what needs it is skipped" >&2
	done
else
	# shellcheck disable=SC2086
	$install $missing >/dev/null
fi
