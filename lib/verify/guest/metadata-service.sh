#!/bin/bash
# Answers one HTTP request on standard input as Nova's metadata service would: metadata-service.sh FOLDER
# The folder holds what is below http://169.254.169.254/. QEMU starts it for each connection.
folder=$1
IFS=' ' read -r _ path _
path=${path%$'\r'}
while IFS= read -r line && [[ ${line%$'\r'} ]]; do :; done
status="200 OK"
if [[ $path == *..* || ! -e $folder$path ]]; then
  status="404 Not Found"
  file=/dev/null
elif [[ -d $folder$path ]]; then
  file=$folder$path/.index
else
  file=$folder$path
fi
printf 'HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' "$status" "$(stat -Lc %s "$file")"
cat "$file"
