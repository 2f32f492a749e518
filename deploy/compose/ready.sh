#!/bin/bash
# Succeeds if pgveil's admin port says that it is ready. The image has no curl.
exec 3<>"/dev/tcp/127.0.0.1/${1:?which port}" || exit 1
printf 'GET /readyz HTTP/1.0\r\n\r\n' >&3
read -r status <&3
[[ $status == *" 200 "* ]]
