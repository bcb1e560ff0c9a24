# shellcheck shell=sh
# The function itself: the event comes in on standard input, what is printed is the result.
handler() {
    event=$(cat)
    echo "got ${#event} characters" >&2
    printf '{"shell":"%s","event":%s}\n' "$(uname -s)" "$event"
}
