using KvStore.Server.Configuration;

namespace KvStore.Server.Tests.Configuration;

public class FlagTableTests
{
    [Fact]
    public void Every_default_is_a_valid_value() =>
        Assert.All(FlagTable.Flags, flag => Assert.True(
            flag.Default.Length == 0 || FlagSyntax.FindProblem(flag, flag.Default) is null, flag.Name));

    [Fact]
    public void Every_flag_without_effect_says_why() =>
        Assert.All(FlagTable.Flags, flag => Assert.Equal(flag.Status == FlagStatus.Implemented, flag.Reason.Length == 0));

    [Fact]
    public void No_name_is_given_twice() =>
        Assert.Equal(FlagTable.Names.Count(), FlagTable.Flags.Sum(flag => 1 + flag.OldNames.Count));

    [Fact]
    public void Every_flag_of_etcd_is_known() =>
        Assert.All(
            EtcdFlags.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries),
            name => Assert.True(FlagTable.Find(name) is not null, name));

    /// <summary>All that etcd 3.6 defines, as its source names them.</summary>
    private const string EtcdFlags = """
        name data-dir wal-dir snapshot-count snapshot-catchup-entries heartbeat-interval election-timeout
        initial-election-tick-advance listen-peer-urls listen-client-urls listen-client-http-urls listen-metrics-urls max-snapshots
        max-wals quota-backend-bytes backend-bbolt-freelist-type backend-batch-interval backend-batch-limit max-txn-ops
        max-request-bytes max-concurrent-streams enable-grpc-gateway grpc-keepalive-min-time grpc-keepalive-interval
        grpc-keepalive-timeout socket-reuse-port socket-reuse-address raft-read-timeout raft-write-timeout
        initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token advertise-client-urls discovery
        discovery-fallback discovery-proxy discovery-srv discovery-srv-name discovery-endpoints discovery-token
        discovery-dial-timeout discovery-request-timeout discovery-keepalive-time discovery-keepalive-timeout
        discovery-insecure-transport discovery-insecure-skip-tls-verify discovery-cert discovery-key discovery-cacert
        discovery-user discovery-password strict-reconfig-check pre-vote auto-compaction-retention auto-compaction-mode
        v2-deprecation cert-file key-file client-cert-file client-key-file client-cert-auth client-crl-file
        client-cert-allowed-hostname trusted-ca-file auto-tls peer-cert-file peer-key-file peer-client-cert-file
        peer-client-key-file peer-client-cert-auth peer-trusted-ca-file peer-auto-tls self-signed-cert-validity peer-crl-file
        peer-cert-allowed-cn peer-cert-allowed-hostname cipher-suites peer-skip-client-san-verification
        experimental-peer-skip-client-san-verification tls-min-version tls-max-version cors host-whitelist logger log-outputs
        log-level log-format enable-log-rotation log-rotation-config-json enable-pprof metrics enable-distributed-tracing
        distributed-tracing-address distributed-tracing-service-name distributed-tracing-instance-id
        distributed-tracing-sampling-rate experimental-enable-distributed-tracing experimental-distributed-tracing-address
        experimental-distributed-tracing-service-name experimental-distributed-tracing-instance-id
        experimental-distributed-tracing-sampling-rate auth-token bcrypt-cost auth-token-ttl corrupt-check-time
        experimental-corrupt-check-time experimental-initial-corrupt-check experimental-compact-hash-check-enabled
        experimental-compact-hash-check-time compact-hash-check-time experimental-enable-lease-checkpoint
        experimental-enable-lease-checkpoint-persist experimental-compaction-batch-limit compaction-batch-limit
        experimental-compaction-sleep-interval compaction-sleep-interval experimental-watch-progress-notify-interval
        watch-progress-notify-interval downgrade-check-time experimental-downgrade-check-time
        experimental-warning-apply-duration warning-apply-duration warning-unary-request-duration
        experimental-warning-unary-request-duration experimental-memory-mlock memory-mlock
        experimental-txn-mode-write-with-shared-buffer experimental-stop-grpc-service-on-defrag
        experimental-bootstrap-defrag-threshold-megabytes bootstrap-defrag-threshold-megabytes max-learners
        experimental-max-learners experimental-snapshot-catchup-entries unsafe-no-fsync force-new-cluster feature-gates
        config-file version
        """;
}
