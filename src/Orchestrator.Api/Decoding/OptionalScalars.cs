using System.Collections.Frozen;

namespace Orchestrator.Api.Decoding;

/// <summary>
/// The scalar fields for which "not said" and "zero" are two things: in protobuf only they are absent when nothing is said, and a zero
/// that stands there was meant. Every other scalar always travels, so that its zero says nothing.
/// </summary>
internal static class OptionalScalars
{
    /// <summary>A message (without what all names begin with), then its fields as protobuf names them.</summary>
    private const string Table = """
        apps.v1.DaemonSetSpec revisionHistoryLimit
        apps.v1.DaemonSetStatus collisionCount
        apps.v1.DeploymentSpec replicas revisionHistoryLimit progressDeadlineSeconds
        apps.v1.DeploymentStatus collisionCount terminatingReplicas
        apps.v1.ReplicaSetSpec replicas
        apps.v1.ReplicaSetStatus terminatingReplicas
        apps.v1.RollingUpdateStatefulSetStrategy partition
        apps.v1.StatefulSetSpec replicas revisionHistoryLimit
        apps.v1.StatefulSetStatus collisionCount
        authentication.v1.TokenRequestSpec expirationSeconds
        autoscaling.v1.HorizontalPodAutoscalerSpec minReplicas targetCPUUtilizationPercentage
        autoscaling.v1.HorizontalPodAutoscalerStatus observedGeneration currentCPUUtilizationPercentage
        autoscaling.v2.HPAScalingRules stabilizationWindowSeconds selectPolicy
        autoscaling.v2.HorizontalPodAutoscalerSpec minReplicas
        autoscaling.v2.HorizontalPodAutoscalerStatus observedGeneration
        autoscaling.v2.MetricTarget averageUtilization
        autoscaling.v2.MetricValueStatus averageUtilization
        batch.v1.CronJobSpec timeZone startingDeadlineSeconds suspend successfulJobsHistoryLimit failedJobsHistoryLimit
        batch.v1.JobSpec parallelism completions activeDeadlineSeconds backoffLimit backoffLimitPerIndex maxFailedIndexes
        batch.v1.JobSpec manualSelector ttlSecondsAfterFinished completionMode suspend podReplacementPolicy managedBy
        batch.v1.JobStatus failedIndexes ready terminating
        batch.v1.PodFailurePolicyOnExitCodesRequirement containerName
        batch.v1.SuccessPolicyRule succeededIndexes succeededCount
        certificates.v1.CertificateSigningRequestSpec expirationSeconds
        coordination.v1.LeaseSpec holderIdentity leaseDurationSeconds leaseTransitions strategy preferredHolder
        core.v1.AppArmorProfile localhostProfile
        core.v1.AzureDiskVolumeSource cachingMode fsType readOnly kind
        core.v1.AzureFilePersistentVolumeSource secretNamespace
        core.v1.CSIVolumeSource readOnly fsType
        core.v1.ClientIPConfig timeoutSeconds
        core.v1.ClusterTrustBundleProjection name signerName optional
        core.v1.ConfigMap immutable
        core.v1.ConfigMapEnvSource optional
        core.v1.ConfigMapKeySelector optional
        core.v1.ConfigMapProjection optional
        core.v1.ConfigMapVolumeSource defaultMode optional
        core.v1.Container restartPolicy
        core.v1.ContainerStatus started stopSignal
        core.v1.DownwardAPIVolumeFile mode
        core.v1.DownwardAPIVolumeSource defaultMode
        core.v1.EndpointAddress nodeName
        core.v1.EndpointPort appProtocol
        core.v1.EphemeralContainerCommon restartPolicy
        core.v1.FCVolumeSource lun
        core.v1.FileKeySelector optional
        core.v1.GRPCAction service
        core.v1.GlusterfsPersistentVolumeSource endpointsNamespace
        core.v1.HostPathVolumeSource type
        core.v1.ISCSIPersistentVolumeSource initiatorName
        core.v1.ISCSIVolumeSource initiatorName
        core.v1.KeyToPath mode
        core.v1.Lifecycle stopSignal
        core.v1.LoadBalancerIngress ipMode
        core.v1.LocalVolumeSource fsType
        core.v1.NodeFeatures supplementalGroupsPolicy
        core.v1.NodeRuntimeHandlerFeatures recursiveReadOnlyMounts userNamespaces
        core.v1.NodeSwapStatus capacity
        core.v1.PersistentVolumeClaimSpec storageClassName volumeMode volumeAttributesClassName
        core.v1.PersistentVolumeClaimStatus currentVolumeAttributesClassName
        core.v1.PersistentVolumeSpec volumeMode volumeAttributesClassName
        core.v1.PodCertificateProjection maxExpirationSeconds
        core.v1.PodDNSConfigOption value
        core.v1.PodLogOptions sinceSeconds tailLines limitBytes stream
        core.v1.PodResourceClaim resourceClaimName resourceClaimTemplateName
        core.v1.PodResourceClaimStatus resourceClaimName
        core.v1.PodSchedulingGroup podGroupName
        core.v1.PodSecurityContext runAsUser runAsGroup runAsNonRoot fsGroup fsGroupChangePolicy supplementalGroupsPolicy
        core.v1.PodSecurityContext seLinuxChangePolicy
        core.v1.PodSpec terminationGracePeriodSeconds activeDeadlineSeconds automountServiceAccountToken shareProcessNamespace
        core.v1.PodSpec priority runtimeClassName enableServiceLinks preemptionPolicy setHostnameAsFQDN hostUsers hostnameOverride
        core.v1.PortStatus error
        core.v1.Probe terminationGracePeriodSeconds
        core.v1.ProjectedVolumeSource defaultMode
        core.v1.ReplicationControllerSpec replicas
        core.v1.SeccompProfile localhostProfile
        core.v1.Secret immutable
        core.v1.SecretEnvSource optional
        core.v1.SecretKeySelector optional
        core.v1.SecretProjection optional
        core.v1.SecretVolumeSource defaultMode optional
        core.v1.SecurityContext privileged runAsUser runAsGroup runAsNonRoot readOnlyRootFilesystem allowPrivilegeEscalation procMount
        core.v1.ServiceAccount automountServiceAccountToken
        core.v1.ServiceAccountTokenProjection expirationSeconds
        core.v1.ServicePort appProtocol
        core.v1.ServiceSpec ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass internalTrafficPolicy trafficDistribution
        core.v1.Toleration tolerationSeconds
        core.v1.TopologySpreadConstraint minDomains nodeAffinityPolicy nodeTaintsPolicy
        core.v1.TypedLocalObjectReference apiGroup
        core.v1.TypedObjectReference apiGroup namespace
        core.v1.VolumeMount mountPropagation recursiveReadOnly
        core.v1.VolumeMountStatus recursiveReadOnly
        core.v1.WindowsSecurityContextOptions gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess
        discovery.v1.Endpoint hostname nodeName zone
        discovery.v1.EndpointConditions ready serving terminating
        discovery.v1.EndpointPort name protocol port appProtocol
        flowcontrol.v1.ExemptPriorityLevelConfiguration nominalConcurrencyShares lendablePercent
        flowcontrol.v1.LimitedPriorityLevelConfiguration nominalConcurrencyShares lendablePercent borrowingLimitPercent
        networking.v1.HTTPIngressPath pathType
        networking.v1.IngressClassParametersReference aPIGroup scope namespace
        networking.v1.IngressPortStatus error
        networking.v1.IngressSpec ingressClassName
        networking.v1.NetworkPolicyPort protocol endPort
        policy.v1.PodDisruptionBudgetSpec unhealthyPodEvictionPolicy
        scheduling.v1.PriorityClass preemptionPolicy
        storage.v1.CSIDriverSpec attachRequired podInfoOnMount storageCapacity fsGroupPolicy requiresRepublish seLinuxMount
        storage.v1.CSIDriverSpec nodeAllocatableUpdatePeriodSeconds serviceAccountTokenInSecrets preventPodSchedulingIfMissing
        storage.v1.StorageClass reclaimPolicy allowVolumeExpansion volumeBindingMode
        storage.v1.TokenRequest expirationSeconds
        storage.v1.VolumeAttachmentSource persistentVolumeName
        storage.v1.VolumeError errorCode
        storage.v1.VolumeNodeResources count
        meta.v1.DeleteOptions gracePeriodSeconds orphanDependents propagationPolicy
        meta.v1.DeleteOptions ignoreStoreReadErrorWithClusterBreakingPotential
        meta.v1.ListMeta remainingItemCount
        meta.v1.ListOptions timeoutSeconds sendInitialEvents
        meta.v1.ObjectMeta deletionGracePeriodSeconds
        meta.v1.OwnerReference controller blockOwnerDeletion
        meta.v1.PatchOptions force
        meta.v1.Preconditions uid resourceVersion
        """;

    private static readonly FrozenSet<string> Fields = Read().ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Each as <c>k8s.io.api.core.v1.PodSpec.priority</c>.</summary>
    public static IEnumerable<string> All => Fields;

    public static bool Contains(string message, string field) => Fields.Contains($"{message}.{field}");

    private static IEnumerable<string> Read()
    {
        foreach (string line in Table.Split('\n', StringSplitOptions.TrimEntries))
        {
            string[] words = line.Split(' ');
            string package = words[0].StartsWith("meta.", StringComparison.Ordinal) ? "k8s.io.apimachinery.pkg.apis." : "k8s.io.api.";
            foreach (string field in words[1..])
                yield return $"{package}{words[0]}.{field}";
        }
    }
}
