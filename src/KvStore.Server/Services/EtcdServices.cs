using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Server.Cluster;
using KvStore.Server.Telemetry;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>All services of a member. What has no handler yet answers Unimplemented, as every unknown method does.</summary>
internal static class EtcdServices
{
    public static IEnumerable<GrpcServiceBinder> Bind(
        Member member, LeaseClockService clock, MembershipRules membership, CallRules rules, ServerMetrics metrics, TimeProvider time) =>
    [
        new KvService(member, rules, metrics).Bind(),
        new WatchService(member, rules).Bind(),
        new LeaseService(member, clock, rules).Bind(),
        new ClusterService(member, membership, rules, metrics, time).Bind(),
        new MaintenanceService(member, rules, metrics, time).Bind(),
        new HealthService(member).Bind(),
        new GrpcServiceBinder(EtcdCalls.Service("Auth")),
        new GrpcServiceBinder(V3LockReflection.Descriptor.Services.Single()),
        new GrpcServiceBinder(V3ElectionReflection.Descriptor.Services.Single()),
    ];
}
