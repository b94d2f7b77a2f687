#!/bin/sh
# Installs Debian's Chromium where it is missing and may be installed; says so where it may not.
command -v chromium >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser test"
    (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium fonts-dejavu-core) >/dev/null 2>&1 && exit 0
fi
echo "Chromium is not installed: the browser test will be skipped. As root: apt-get install chromium"
exit 0
