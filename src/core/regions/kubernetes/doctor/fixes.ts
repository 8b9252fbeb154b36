const fixes: Record<string, string> = {
  region_unreachable: "Correct that address in the region's kubeconfig, or the network, VPN or proxy on the way to it.",
  region_unauthenticated: "Renew the token or certificate in the region's kubeconfig.",
  namespace_missing: 'Make it with kubectl create namespace, or correct the namespace of the region.',
  image_pull_failed: 'Correct ecolink_image; a private registry needs image_pull_secrets.',
  not_ecolink_image: 'Set ecolink_image to the image that EcoLink itself runs in, of the same version.',
  container_not_started: 'Correct what it names: the environment, ca_config_map or run_as of the region.',
  volume_not_mounted:
    'Correct what it names: ca_config_map, or the storage that storage_class and access_mode ask for.',
  quota_exceeded: "Raise the namespace's quota: this took a claim of 1 GiB and a small pod, a launch takes far more.",
  unschedulable: 'Correct node_selector and tolerations of the region. Nodes that scale from zero may need longer.',
  volume_not_bound: 'Correct storage_class and access_mode of the region to what the storage does.',
  folder_unreadable: 'Set run_as to a user and group that the storage lets write.',
  admission_denied: 'Correct the setting that it names, or show the sentence to whoever runs the cluster.',
};

/** Settings that rules of a cluster name in their own words. */
const settings: [RegExp, string][] = [
  [/PriorityClass/, 'Correct priority_class of the region.'],
  [/must specify (limits|requests)/, "Set what it names in the region's resources and download_resources."],
  [
    /per PersistentVolumeClaim/,
    "Ask whoever runs the cluster: the namespace's LimitRange does not allow claims of that size.",
  ],
];

/** What to do about a region in which something was refused or did not start. Pure. */
export function fixFor(code: string, said: string): string {
  const setting = code === 'admission_denied' ? settings.find(([pattern]) => pattern.test(said)) : undefined;
  return setting?.[1] ?? fixes[code] ?? 'Correct ecolink_image, storage_class, access_mode or run_as of the region.';
}
