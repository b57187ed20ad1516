# A mail server that keeps every message in a maildir, for tests to read.

mail=$state/mail

part_build() { packages python3-aiosmtpd /usr/lib/python3/dist-packages/aiosmtpd; }

part_up() {
    install -d -m 0700 -o nobody "$mail"
    start_daemon mail $(as nobody) /usr/bin/python3 -m aiosmtpd --nosetuid --listen "127.0.0.1:$smtp_port" \
        --class aiosmtpd.handlers.Mailbox "$mail/maildir"
}

part_check() {
    local greeting
    exec 3<>"/dev/tcp/127.0.0.1/$smtp_port"
    read -r -t 5 greeting <&3 || die "no greeting"
    printf 'QUIT\r\n' >&3
    [[ $greeting == 220* ]] || die "greets with $greeting"
    printf '%s\n' "$greeting" | tr -d '\r' | sed 's/^220 [^ ]* //'
}

part_env() {
    exports MYKSC_TESTBED_SMTP_HOST=127.0.0.1 MYKSC_TESTBED_SMTP_PORT="$smtp_port" \
        MYKSC_TESTBED_MAILDIR="$mail/maildir"
}

part_down() { stop_daemon mail && rm -rf "$mail"; }
