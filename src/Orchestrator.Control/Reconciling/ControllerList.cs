using Orchestrator.Control.Autoscaling;
using Orchestrator.Control.BootstrapTokens;
using Orchestrator.Control.Certificates;
using Orchestrator.Control.CloudProvider;
using Orchestrator.Control.ClusterRoles;
using Orchestrator.Control.CronJobs;
using Orchestrator.Control.DaemonSets;
using Orchestrator.Control.Deployments;
using Orchestrator.Control.Disruption;
using Orchestrator.Control.GarbageCollection;
using Orchestrator.Control.Jobs;
using Orchestrator.Control.Namespaces;
using Orchestrator.Control.Networking;
using Orchestrator.Control.NodeIpam;
using Orchestrator.Control.NodeLifecycle;
using Orchestrator.Control.PodGarbage;
using Orchestrator.Control.Quotas;
using Orchestrator.Control.ReplicaSets;
using Orchestrator.Control.ServiceAccounts;
using Orchestrator.Control.StatefulSets;
using Orchestrator.Control.Storage;

namespace Orchestrator.Control.Reconciling;

/// <summary>All controllers of a cluster.</summary>
public static class ControllerList
{
    public static IReadOnlyList<ControllerDescription> All(ControllerSettings settings) =>
    [
        DeploymentController.Description,
        ReplicaSetController.Description,
        ReplicationControllerController.Description,
        StatefulSetController.Description,
        DaemonSetController.Description,
        JobController.Description,
        CronJobController.Describe(settings.FindTimeZone),
        FinishedJobController.Description,
        EndpointSliceController.Description,
        EndpointsController.Description,
        EndpointMirroringController.Description,
        NamespaceController.Description,
        GarbageCollector.Description,
        ServiceAccountController.Description,
        TokenSecretController.Describe(settings.RootCertificates),
        RootCertificatePublisher.Describe(settings.RootCertificates),
        NodeHealthController.Describe(settings.NodeHealth),
        NodeTaintController.Description,
        TaintEvictionController.Description,
        .. settings.PodRanges.Count > 0 ? [NodeIpamController.Describe(settings.PodRanges)] : Array.Empty<ControllerDescription>(),
        .. settings.CloudProvider is { } cloud ? [CloudNodeController.Description, LoadBalancerController.Describe(cloud)] : Array.Empty<ControllerDescription>(),
        PodGarbageCollector.Describe(settings.EndedPodLimit),
        DisruptionController.Description,
        ResourceQuotaController.Description,
        ClusterRoleAggregationController.Description,
        VolumeBinder.Description,
        LocalPathProvisioner.Description,
        EphemeralVolumeController.Description,
        ClaimProtectionController.Description,
        VolumeProtectionController.Description,
        CertificateControllers.DescribeApprover(settings.ReadRequest),
        CertificateControllers.DescribeSigner(settings.ReadRequest),
        CertificateControllers.Cleaner,
        BootstrapTokenCleaner.Description,
        PodAutoscalerController.Description,
    ];
}
