#!/bin/sh
# Writes the assembler file that carries the Lua sources inside the binary: a table of
# {module name, first byte, end byte}, closed by a row of zeros (server/bindings/lua_bundle.h).
# Types and templates are no modules: they are named by their path, types/task.lua.
# usage: bundle.sh CDEF.lua lua/a.lua lua/b/init.lua ...
cdef=$1
shift
n=0
rows=
emit() { # module file
	n=$((n + 1))
	printf 'name%d: .asciz "%s"\nbody%d: .incbin "%s"\nend%d:\n' $n "$1" $n "$2" $n
	rows="$rows $n"
}
echo '.section .rodata'
emit moonloop.core.cdef "$cdef"
for f in "$@"; do
	case $f in lua/moonloop/types/* | lua/moonloop/templates/* | *.css | *.js)
		emit "${f#lua/moonloop/}" "$f"
		continue
		;;
	esac
	m=${f#lua/}
	m=${m%.lua}
	m=${m%/init}
	emit "$(echo "$m" | tr / .)" "$f"
done
echo '.section .data.rel.ro,"aw"'
echo '.balign 8'
echo '.globl lua_bundle'
echo 'lua_bundle:'
for i in $rows; do
	echo "	.quad name$i, body$i, end$i"
done
echo '	.quad 0, 0, 0'
echo '.section .note.GNU-stack,"",%progbits'
