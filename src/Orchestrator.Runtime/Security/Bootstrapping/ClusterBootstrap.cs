using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Api.FlowControl;
using Orchestrator.Api.MetaV1;
using Orchestrator.Api.Rbac;
using Orchestrator.Api.RbacV1;
using Orchestrator.Runtime.ApiServer;
using Orchestrator.Runtime.Security.Admission;
using Orchestrator.Runtime.Security.Authentication;
using Orchestrator.Runtime.Security.Certificates;

namespace Orchestrator.Runtime.Security.Bootstrapping;

/// <summary>Makes what every cluster has from the start, and brings what is there up to what it must at least be: roles and their
/// bindings, priority classes, what extension servers need to believe this one.</summary>
/// <remarks>Several servers may do it at once: who comes second finds the object made, or its version changed, and looks again.</remarks>
/// <param name="joining">What nodes of other machines need; null: none may join.</param>
internal sealed class ClusterBootstrap(ApiServerServices services, ClusterCertificates? certificates, NodeJoining? joining = null)
{
    private const int Attempts = 10;
    private const string AuthenticationConfig = "extension-apiserver-authentication";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await EnsureAsync([.. ExpectedClusterRoles(), .. joining?.ClusterRoles ?? []], PolicyReconciliation.Reconcile, cancellationToken);
        await AggregateAsync(cancellationToken);
        await EnsureAsync([.. BootstrapPolicy.ClusterRoleBindings(), .. joining?.ClusterRoleBindings ?? []], PolicyReconciliation.Reconcile, cancellationToken);
        await EnsureAsync([.. BootstrapPolicy.Roles(), .. joining?.Roles ?? []], PolicyReconciliation.Reconcile, cancellationToken);
        await EnsureAsync([.. BootstrapPolicy.RoleBindings(), .. joining?.RoleBindings ?? []], PolicyReconciliation.Reconcile, cancellationToken);
        await EnsureAsync(PriorityAdmission.SystemClasses(), (_, _) => null, cancellationToken);
        await EnsureAsync(BootstrapFlowControl.PriorityLevels(), BootstrapFlowControl.Reconcile, cancellationToken);
        await EnsureAsync(BootstrapFlowControl.FlowSchemas(), BootstrapFlowControl.Reconcile, cancellationToken);
        if (certificates is not null)
            await EnsureAsync([AuthenticationMap(certificates), .. joining?.ConfigMaps ?? []], Reconcile, cancellationToken);
    }

    /// <summary>Aggregated roles are made with their rules: they hold from the first request on.</summary>
    private static List<ClusterRole> ExpectedClusterRoles()
    {
        var roles = BootstrapPolicy.ClusterRoles();
        foreach (var aggregated in RoleAggregation.OutOfDate(roles))
            roles[roles.FindIndex(role => role.Name == aggregated.Name)] = aggregated;
        return roles;
    }

    /// <summary>A new version of a role that others take in is taken in at once; later on a controller sees to it.</summary>
    private async Task AggregateAsync(CancellationToken cancellationToken)
    {
        var all = await services.Objects.ListAsync<ClusterRole>(null, cancellationToken);
        foreach (var role in RoleAggregation.OutOfDate(all))
        {
            try
            {
                await services.Writer.UpdateAsync(role, cancellationToken);
            }
            catch (ApiException refusal) when (refusal.Status.Code is 404 or 409)
            {
                // Somebody else is at it.
            }
        }
    }

    private async Task EnsureAsync<T>(IReadOnlyList<T> expected, Func<T, T, T?> reconcile, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<T>
    {
        var existing = (await services.Objects.ListAsync<T>(null, cancellationToken)).ToDictionary(found => found.Key);
        // Side by side: the store commits them together.
        await Task.WhenAll(expected.Select(one => EnsureAsync(one, existing.GetValueOrDefault(one.Key), reconcile, cancellationToken)));
    }

    private async Task EnsureAsync<T>(T expected, T? existing, Func<T, T, T?> reconcile, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<T>
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                if (existing is null)
                    await services.Writer.CreateAsync(expected.DeepClone(), cancellationToken);
                else if (reconcile(existing, expected) is { } updated)
                    await services.Writer.UpdateAsync(updated, cancellationToken);
                return;
            }
            catch (ApiException refusal) when (refusal.Status.Code is 404 or 409 && attempt < Attempts)
            {
                existing = await services.Objects.GetLiveAsync<T>(expected.Namespace, expected.Name, cancellationToken);
            }
        }
    }

    /// <summary>How a server behind this one checks whom this one speaks for.</summary>
    private static ConfigMap AuthenticationMap(ClusterCertificates certificates) => new()
    {
        Metadata = new ObjectMeta { Namespace = "kube-system", Name = AuthenticationConfig },
        Data = new()
        {
            ["client-ca-file"] = certificates.ClientAuthority.CertificatePem,
            ["requestheader-allowed-names"] = $"[\"{RequestHeaderAuthenticator.AllowedName}\"]",
            ["requestheader-client-ca-file"] = certificates.RequestHeaderAuthority.CertificatePem,
            ["requestheader-extra-headers-prefix"] = $"[\"{RequestHeaderAuthenticator.ExtraPrefix}\"]",
            ["requestheader-group-headers"] = $"[\"{RequestHeaderAuthenticator.GroupHeader}\"]",
            ["requestheader-username-headers"] = $"[\"{RequestHeaderAuthenticator.UserHeader}\"]",
        },
    };

    private static ConfigMap? Reconcile(ConfigMap existing, ConfigMap expected)
    {
        bool isSame = expected.Data!.All(pair => existing.Data.OrEmpty().TryGetValue(pair.Key, out string? value) && value == pair.Value);
        if (isSame)
            return null;
        var updated = existing.DeepClone();
        updated.Data ??= [];
        foreach (var (key, value) in expected.Data!)
            updated.Data[key] = value;
        return updated;
    }
}
