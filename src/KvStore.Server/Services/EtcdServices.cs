using KvStore.Grpc;
using KvStore.Protocol;
using KvStore.Server.Cluster;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>All services of a member. What has no handler yet answers Unimplemented, as every unknown method does.</summary>
internal static class EtcdServices
{
    public static IEnumerable<GrpcServiceBinder> Bind(
        Member member, LeaseClockService clock, MembershipRules membership, CallRules rules, TimeProvider time) =>
    [
        new KvService(member, rules).Bind(),
        new WatchService(member, rules).Bind(),
        new LeaseService(member, clock, rules).Bind(),
        new ClusterService(member, membership, rules, time).Bind(),
        new MaintenanceService(member, rules).Bind(),
        new HealthService(member).Bind(),
        new GrpcServiceBinder(EtcdCalls.Service("Auth")),
        new GrpcServiceBinder(V3LockReflection.Descriptor.Services.Single()),
        new GrpcServiceBinder(V3ElectionReflection.Descriptor.Services.Single()),
    ];
}
