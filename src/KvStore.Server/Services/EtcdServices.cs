using KvStore.Grpc;
using KvStore.Protocol;
using Member = KvStore.Server.Members.Member;

namespace KvStore.Server.Services;

/// <summary>All services of a member. What has no handler yet answers Unimplemented, as every unknown method does.</summary>
internal static class EtcdServices
{
    public static IEnumerable<GrpcServiceBinder> Bind(Member member) =>
    [
        new KvService(member).Bind(),
        new WatchService(member).Bind(),
        new LeaseService(member).Bind(),
        new ClusterService(member).Bind(),
        new MaintenanceService(member).Bind(),
        new HealthService(member).Bind(),
        new GrpcServiceBinder(EtcdCalls.Service("Auth")),
        new GrpcServiceBinder(V3LockReflection.Descriptor.Services.Single()),
        new GrpcServiceBinder(V3ElectionReflection.Descriptor.Services.Single()),
    ];
}
