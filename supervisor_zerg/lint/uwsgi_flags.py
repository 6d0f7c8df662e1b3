"""The long options of uWSGI 2.0.31 after which no word of the command line is a value.

They are ``no_argument`` or ``optional_argument`` in uWSGI's sources.
"""

FLAGS = frozenset(
    """
abstract-socket alarm-list alarms-list auto-procname autoload cache-no-expire
cache-report-freed-items cache-use-last-modified carbon-name-resolve carbon-no-workers
carbon-resolve-names carbon-use-metrics catch-exceptions cflags cgi-async-max-attempts
cgi-close-stdin-on-eof cgi-do-not-kill-on-error cgi-dontresolve cgi-from-docroot cgi-mode
cgi-optimize cgi-optimized cgi-path-info cheap cheaper-algo-list cheaper-algos-list
cheaper-busyness-verbose cheaper-list check-cache check-static-docroot chmod chmod-socket
clock-list clocks-list close-on-exec close-on-exec2 command-mode config-py daemons-honour-stdin
die-on-idle die-on-no-workers die-on-term disable-async-warn-on-queue-full disable-logging
disable-sendfile disable-write-exception dot-h drop-after-apps drop-after-init dump-options
dynamic-apps early-emperor early-php early-python emperor-graceful-shutdown emperor-magic-exec
emperor-no-blacklist emperor-nofollow emperor-subreaper emperor-tyrant emperor-tyrant-initgroups
emperor-tyrant-nofollow emperor-wait-for-command enable-metrics enable-proxy-protocol
enable-threads end-blacklist end-for end-if end-whitelist endfor endif exit exit-on-reload
fastrouter-cheap fastrouter-fallback-on-no-key fastrouter-use-cache fastrouter-use-socket fiber
force-gateway forkptyrouter-cheap freebind geoip-use-disk gevent-early-monkey-patch
gevent-monkey-patch gevent-wait-for-hub greenlet harakiri-no-arh harakiri-verbose help
honour-range honour-stdin http-auto-chunked http-auto-gzip http-backend-http http-cheap
http-chunked-input http-enable-proxy-protocol http-keepalive http-manage-expect http-manage-rtsp
http-manage-source http-raw-body http-use-cache http-use-socket http-websockets https-export-cert
if-not-reload if-reload ignore-script-name ignore-sigpipe ignore-write-errors
imperial-monitor-list imperial-monitors-list jailed ksm lazy lazy-apps ldap-schema
ldap-schema-ldif log-4xx log-5xx log-date log-format-strftime log-master log-master-req-stream
log-master-stream log-micros log-prefix log-reopen log-syslog log-truncate log-x-forwarded-for
log-zero logdate logfile-chown logformat-strftime logger-list loggers-list loop-list loops-list
lua-gc-full lua-shell lua-shell-oneshot luashell luashell-oneshot manage-script-name master
master-as-root memory-report metric-dir-restore metrics-dir-restore metrics-no-cores mule nagios
need-app never-swap no-default-app no-defer-accept no-fd-passing no-harakiri-after-req-hook
no-harakiri-arh no-initgroups no-orphans no-server no-site no-threads-wait notfound-log
paste-logger pcre-jit perl-no-die-catch perl-no-plack perl-version persistent-ipcsem
php-dump-config plshell plshell-oneshot plugin-list plugins-list propagate-touch
psgi-enable-psgix-io pty-input pty-log pty-no-isig py-call-osafterfork py-call-uwsgi-fork-hooks
py-master-check-signals pyshell pyshell-oneshot python-version rawrouter-cheap rawrouter-use-cache
rawrouter-use-socket rawrouter-xclient rb-thread rb-threads rbshell rbshell-oneshot rbthread
rbthreads re-fork re-fork-as-root re-fork-post-jail reaper refork refork-as-root refork-post-jail
reload-on-exception reload-os-env reuse-port router-list routers-list rsyslog-split-messages
setns-preopen show-config single-interpreter skip-atexit skip-atexit-teardown skip-zero snmp
so-keepalive so-send-timeout so-write-timeout socket-send-timeout socket-write-timeout
spooler-cheap spooler-ordered spooler-quiet spooler-signal-as-task ssl-enable-sslv3
ssl-enable-tlsv1 ssl-enable3 ssl-session-use-cache ssl-sessions-use-cache ssl-verbose
ssl-verify-depth sslrouter-cheap sslrouter-sni sslrouter-use-cache sslrouter-use-socket stackless
start-unsubscribed static-gzip-all stats-http stats-min stats-minified stats-no-cores
stats-no-metrics statsd-all-gauges statsd-no-workers strict subscription-clear-on-shutdown
subscription-dotsplit subscription-vassal-required subscriptions-use-credentials symcall-use-next
tcp-fast-open-client tcp-fastopen-client tcp-nodelay threaded-logger thunder-lock
thunder-lock-watchdog tuntap-use-credentials ugreen unsubscribe-on-graceful-reload usage use-abort
vacuum version vhost vhost-host write-errors-exception-only wsgi-accept-buffer wsgi-accept-buffers
wsgi-disable-file-wrapper wsgi-manage-chunked-input wsgi-strict zabbix-template zerg-fallback
""".split()
)
