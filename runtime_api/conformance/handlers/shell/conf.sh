# shellcheck shell=sh
# The testee's handlers for a runtime in POSIX shell, where a handler is a function with the event on its standard input and the result on
# its standard output. It is run in a subshell, so what has to last is kept in a file.
#
# `main` does what the event's `op` says. Events are compact enough for sed: `op` comes first, `value` last.

conf_calls="$LAMBDA_TASK_ROOT/.calls.$$"
printf 0 >"$conf_calls"
case $_HANDLER in
conf.boom_import)
    echo 'raised while loading' >&2
    return 1
    ;;
conf.exit_import) exit 7 ;;
conf.slow_import) sleep 0.3 ;;
esac
conf_loaded_ms=$(date +%s%3N)

# member NAME: a number or a text without escapes.
conf_member() {
    printf '%s' "$event" | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}

conf_value() {
    printf '%s' "$event" | sed 's/.*"value": *//; s/}$//'
}

conf_count() {
    count=$(($(cat "$conf_calls") + 1))
    printf '%s' "$count" >"$conf_calls"
    printf '{"count":%s,"pid":%s,"loaded_ms":%s}' "$count" "$$" "$conf_loaded_ms"
}

conf_digest() {
    conf_value | sed 's/^"//; s/"$//' | tr -d '\n' >"$conf_calls.text"
    printf '{"length":%s,"sha256":"%s"}' "$(wc -c <"$conf_calls.text")" "$(sha256sum <"$conf_calls.text" | cut -d' ' -f1)"
}

# text VALUE: as JSON, null when it is empty.
conf_text() {
    if [ -n "$1" ]; then printf '"%s"' "$1"; else printf null; fi
}

conf_env() {
    separator='{'
    for name in $(printf '%s' "$event" | sed 's/.*\[\(.*\)\].*/\1/' | tr -d '",'); do
        eval "value=\${$name:-}"
        printf '%s"%s":%s' "$separator" "$name" "$(conf_text "$value")"
        separator=,
    done
    printf '}'
}

conf_remaining() {
    now_ms=$(date +%s%3N)
    left_ms=$((deadline_ms > now_ms ? deadline_ms - now_ms : 0))
    printf '[%s,%s,%s]' "$now_ms" "$left_ms" "$(date +%s%3N)"
}

# identity NAME: a member of the Cognito identity.
conf_identity() {
    conf_text "$(header lambda-runtime-cognito-identity | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p")"
}

# A shell has no context object: what the runtime offers for it is the function `header NAME`.
conf_context() {
    deadline_ms=$(header lambda-runtime-deadline-ms)
    deadline_ms=${deadline_ms:-0}
    wait_ms=$(conf_member wait_ms)
    first=$(conf_remaining)
    sleep "$(printf '%04d' "${wait_ms:-0}" | sed 's/\(...\)$/.\1/')"
    client_context=$(header lambda-runtime-client-context)
    cat <<END
{"request_id":$(conf_text "$(header lambda-runtime-aws-request-id)"),
"function_arn":$(conf_text "$(header lambda-runtime-invoked-function-arn)"),
"remaining":[$first,$(conf_remaining)],
"client_context":${client_context:-null},
"identity_id":$(conf_identity cognitoIdentityId),
"identity_pool_id":$(conf_identity cognitoIdentityPoolId),
"tenant_id":$(conf_text "$(header lambda-runtime-aws-tenant-id)"),
"function_name":"$AWS_LAMBDA_FUNCTION_NAME",
"function_version":"$AWS_LAMBDA_FUNCTION_VERSION",
"memory_mb":"$AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
"log_group":"$AWS_LAMBDA_LOG_GROUP_NAME",
"log_stream":"$AWS_LAMBDA_LOG_STREAM_NAME"}
END
}

# What a shell has no value for is an error.
conf_return() {
    case $(conf_member kind) in
    none) printf null ;;
    true) printf true ;;
    integer) printf 42 ;;
    fraction) printf 1.5 ;;
    text) printf '"a \\"text\\""' ;;
    list) printf '[1,"two",null]' ;;
    object) printf '{"a":{"b":[]}}' ;;
    *) exit 1 ;;
    esac
}

conf_fill() {
    printf '"'
    head -c "$(conf_member length)" /dev/zero | tr '\0' x
    printf '"'
}

main() {
    event=$(cat)
    case $(conf_member op) in
    echo) conf_value ;;
    pid) printf '%s' "$$" ;;
    counter) conf_count ;;
    digest) conf_digest ;;
    context) conf_context ;;
    env) conf_env ;;
    return) conf_return ;;
    fill) conf_fill ;;
    raise | raise-odd)
        conf_member message >&2
        exit 1
        ;;
    print)
        conf_member text >&2
        printf '"printed"'
        ;;
    sleep)
        sleep "$(conf_member ms | sed 's/^/00/; s/\(...\)$/.\1/')"
        conf_value
        ;;
    exit | hard-exit) exit "$(conf_member status)" ;;
    *) printf '%s' "$event" ;;
    esac
}

other() {
    printf '"other"'
}

slow_import() { main; }
boom_import() { main; }
exit_import() { main; }
