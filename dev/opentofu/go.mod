// Which OpenTofu: read by dev/opentofu/build. The modules it needs are pinned by its own go.sum.
module opentofu

go 1.24

require github.com/opentofu/opentofu v1.12.6
