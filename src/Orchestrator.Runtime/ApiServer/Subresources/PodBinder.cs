using Orchestrator.Api;
using Orchestrator.Api.CoreV1;
using Orchestrator.Runtime.ApiServer.Caching;
using Orchestrator.Runtime.ApiServer.Requests;
using Orchestrator.Runtime.ApiServer.Resources;
using Orchestrator.Runtime.ApiServer.Writing;

namespace Orchestrator.Runtime.ApiServer.Subresources;

/// <summary>Puts pods on nodes: pods/binding, and bindings.</summary>
internal sealed class PodBinder(ResourceView pods, ObjectUpdater updater, TimeProvider clock)
{
    /// <param name="context">Of the pod.</param>
    /// <exception cref="ApiException">409 if the pod has a node or goes away.</exception>
    public async Task BindAsync(WriteContext context, Binding binding, CancellationToken cancellationToken)
    {
        if (binding.Target?.Kind is not (null or "" or "Node" or "Minion"))
            throw Invalid(binding, FieldError.NotSupported(FieldPath.Of("target", "kind"), binding.Target.Kind, ["Node", "<empty>"]));
        if (string.IsNullOrEmpty(binding.Target?.Name))
            throw Invalid(binding, FieldError.Required(FieldPath.Of("target", "name")));
        await updater.UpdateAsync(
            context with { Subresource = "binding" }, new Target(pods, binding, clock), _ => new Proposal(new Pod()), cancellationToken)
            .ConfigureAwait(false);
    }

    private static ApiException Invalid(Binding binding, FieldError error) =>
        ApiErrors.Invalid(new GroupKind("", "Binding"), binding.Name, [error]);

    /// <summary>What is sent is the binding; the pod is made of the current one.</summary>
    private sealed class Target(ResourceView pods, Binding binding, TimeProvider clock) : IUpdateTarget
    {
        public GroupVersionKind Kind => Binding.StaticKind;

        public string Subresource => "binding";

        public bool AllowsCreate => false;

        public System.Text.Json.Nodes.JsonObject Show(StoredObject current) => throw new NotSupportedException();

        public IKubernetesObject Decode(byte[] json, FieldValidation validation, List<string> warnings) =>
            throw new NotSupportedException();

        public IKubernetesObject Merge(IKubernetesObject? current, IKubernetesObject sent, DateTimeOffset now)
        {
            var pod = (Pod)current!.DeepClone();
            if (binding.Uid.Length > 0 && binding.Uid != pod.Uid)
                throw Conflict(pod, $"Precondition failed: UID in precondition: {binding.Uid}, UID in object meta: {pod.Uid}");
            if (binding.ResourceVersion.Length > 0 && binding.ResourceVersion != pod.ResourceVersion)
                throw Conflict(pod, null);
            if (pod.IsBeingDeleted)
                throw Conflict(pod, $"pod {pod.Name} is being deleted, cannot be assigned to a host");
            if (!string.IsNullOrEmpty(pod.Spec.NodeName))
                throw Conflict(pod, $"pod {pod.Name} is already assigned to node \"{pod.Spec.NodeName}\"");
            if (pod.Spec.SchedulingGates is { Count: > 0 })
                throw Conflict(pod, $"pod {pod.Name} has non-empty .spec.schedulingGates");
            pod.Spec.NodeName = binding.Target!.Name;
            foreach (var (name, value) in binding.Annotations)
                (pod.Metadata.Annotations ??= [])[name] = value;
            MarkScheduled(pod, clock.GetUtcNow());
            return pod;
        }

        public IReadOnlyList<FieldError> Validate(IKubernetesObject updated, IKubernetesObject current) => [];

        public byte[] Answer(StoredObject stored, ObjectForm form) => throw new NotSupportedException();

        private ApiException Conflict(Pod pod, string? text) =>
            ApiErrors.Conflict(text is null || text.StartsWith("Precondition", StringComparison.Ordinal)
                ? pods.GroupResource
                : new GroupResource("", "pods/binding"), pod.Name, text);

        private static void MarkScheduled(Pod pod, DateTimeOffset now)
        {
            var conditions = pod.Status.Conditions ??= [];
            var condition = conditions.Find(condition => condition.Type == "PodScheduled");
            if (condition is null)
                conditions.Add(condition = new PodCondition { Type = "PodScheduled" });
            if (condition.Status != "True")
                condition.LastTransitionTime = DateTimeOffset.FromUnixTimeSeconds(now.ToUnixTimeSeconds());
            condition.Status = "True";
            condition.Reason = null;
            condition.Message = null;
        }
    }
}
