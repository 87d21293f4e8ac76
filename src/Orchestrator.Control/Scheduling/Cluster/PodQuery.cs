using Orchestrator.Control.Scheduling.Matching;

namespace Orchestrator.Control.Scheduling.Cluster;

/// <summary>Which pods are to be counted. Queries with the same <see cref="Text"/> mean the same pods.</summary>
internal abstract class PodQuery(string text, string? onlyNamespace, LabelMatcher selector)
{
    public string Text => text;

    /// <summary>The one namespace of all pods that can match; null if there may be several.</summary>
    public string? OnlyNamespace => onlyNamespace;

    /// <summary>What every pod that matches fulfils at least.</summary>
    public LabelMatcher Selector => selector;

    public abstract bool Matches(PodInfo pod, ClusterState cluster);

    /// <summary>Whether labels of namespaces can change what is meant.</summary>
    public virtual bool LooksAtNamespaceLabels => false;

    /// <summary>Pods of a namespace that are not about to go: what topology spreading counts.</summary>
    public static PodQuery Spread(string ns, LabelMatcher selector) => new SpreadQuery(ns, selector);

    /// <summary>Pods that all of these terms mean.</summary>
    public static PodQuery Terms(AffinityTerm[] terms) => new TermsQuery(terms);

    public static PodQuery Term(AffinityTerm term) => new TermsQuery([term]);

    private sealed class SpreadQuery(string ns, LabelMatcher selector) : PodQuery($"spread {ns}|{selector.Text}", ns, selector)
    {
        public override bool Matches(PodInfo pod, ClusterState cluster) =>
            pod.Key.Namespace == OnlyNamespace && !pod.Pod.IsBeingDeleted && Selector.Matches(pod.Labels);
    }

    private sealed class TermsQuery(AffinityTerm[] terms) : PodQuery(
        "terms " + string.Join('&', terms.Select(term => term.PodsText)), terms[0].OnlyNamespace, terms[0].Selector)
    {
        public override bool LooksAtNamespaceLabels => terms.Any(term => term.LooksAtNamespaceLabels);

        public override bool Matches(PodInfo pod, ClusterState cluster)
        {
            foreach (var term in terms)
            {
                if (!cluster.IsMeant(term, pod))
                    return false;
            }
            return true;
        }
    }
}
