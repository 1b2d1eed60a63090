#!/usr/bin/env bash
# Builds a release: `make release VERSION=0.2.0`. Refuses where the changelog has no entry, or something is not committed.
set -eu
cd "$(dirname "$0")/.."
version=${1:-}
fail() { echo "release: $1" >&2; exit 1; }
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "VERSION: wanted MAJOR.MINOR.PATCH, got '$version'"
grep -q "^## $version\b" CHANGELOG.md || fail "CHANGELOG.md: wanted an entry '## $version', got none"
[ -z "$(git status --porcelain)" ] || fail "the checkout has changes that are not committed: commit them first"
old=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml | head -n 1)
if [ "$old" != "$version" ]; then
    sed -i "0,/^version = \"$old\"/s//version = \"$version\"/" pyproject.toml
    sed -i "s/^version: $old$/version: $version/; s/^appVersion: \"$old\"$/appVersion: \"$version\"/" deploy/helm/kairos/Chart.yaml
    sed -i "s/kairos:$old/kairos:$version/; s/VERSION: $old/VERSION: $version/" deploy/compose.yaml
    .venv/bin/uv lock -q
    echo "release: the version is $version now: commit pyproject.toml, uv.lock and deploy/, tag it v$version, and run this again" >&2
    exit 1
fi
rm -rf dist
.venv/bin/uv build -q
echo "release: $(ls dist | tr '\n' ' ')"
if command -v docker > /dev/null && docker info > /dev/null 2>&1; then
    docker build -q -f deploy/Dockerfile --build-arg VERSION="$version" --build-arg REVISION="$(git rev-parse HEAD)" -t "kairos:$version" .
else
    echo "release: no container engine answers here: the image was not built"
fi
